#pragma once

#include <weft/core/macros.h>

namespace weft {

// Gives the calling thread a stack of its own for signal handlers set with SA_ONSTACK, unless it
// has one. oneDNN 2.6's products in f32 keep the stack pointer in working memory for a while: a
// handler that runs on that stack writes over whatever lies before it on the heap. Call it in the
// thread that takes the signals, the main thread as a rule; importing weft in Python does, and
// Python's handlers ask for such a stack.
WEFT_API void use_signal_stack();

}  // namespace weft
