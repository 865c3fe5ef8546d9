#pragma once

#include <weft/core/memory_stats.h>

// Streams, events and graphs, as core/cuda_plugin.h wants them.
namespace weft::cuda {

StreamHandle pooled_stream(int device, int priority);
StreamHandle new_stream(int device);
bool stream_done(int device, StreamHandle stream);
void wait_for_stream(int device, StreamHandle stream);
void stream_after(int device, StreamHandle stream, EventHandle event);

EventHandle make_event(int device, bool timing);
void free_event(EventHandle event) noexcept;
void record_event(int device, EventHandle event, StreamHandle stream);
bool event_done(EventHandle event);
void wait_for_event(EventHandle event);
float elapsed(EventHandle start, EventHandle end);

void begin_capture(int device, StreamHandle stream);
void* end_capture(int device, StreamHandle stream);
void launch_graph(void* graph, int device, StreamHandle stream);
void free_graph(void* graph) noexcept;

}  // namespace weft::cuda
