#pragma once

#include <memory>

#include <weft/core/cuda_stream.h>

// A piece of a program's work on a device, recorded once and launched as a whole: what a training
// step costs the host is then one call.
//
//   for (int i = 0; i < 3; ++i) step();           // fills caches, makes the optimiser's state
//   cuda::Graph graph;
//   graph.capture([&] { loss = step(); });        // records, computes nothing
//   for (...) { x.copy_(batch); graph.replay(); } // loss holds the step's
//
// A graph works on the memory it was captured with: write inputs into tensors made before it, read
// outputs from those made in it, which the next replay overwrites. Each replay draws new numbers
// from the default generator and takes an optimiser's step count and options as they are then: the
// same bits as if the step had run by itself. What needs values on the host (item(), printing,
// nonzero(), copies to the CPU) throws while capturing.
namespace weft::cuda {

class OwnStream;

class WEFT_API Graph {
 public:
  Graph();
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Records what the calling thread queues on its current stream, which must not be the default
  // one, until capture_end(). A graph is captured once, unless reset() comes between.
  void capture_begin();
  void capture_end();
  // Runs f() under capture on a stream of its own. If it throws, the graph is as before.
  template <class F>
  void capture(F&& f) {
    const Begun begun(*this);
    f();
    capture_end();
  }
  // Queues it on the current stream. Throws Error where nothing was captured.
  void replay();
  // Lets go of the recording and, when its tensors are gone, of its memory.
  void reset();

  struct State;

 private:
  class WEFT_API Begun {
   public:
    explicit Begun(Graph& graph);
    ~Begun();
    Begun(const Begun&) = delete;
    Begun& operator=(const Begun&) = delete;

   private:
    Graph& graph_;
    std::unique_ptr<OwnStream> own_;
    StreamGuard guard_;
  };
  void abandon() noexcept;

  std::unique_ptr<State> state_;
};

// Whether the calling thread captures a graph.
WEFT_API bool is_current_stream_capturing() noexcept;

}  // namespace weft::cuda
