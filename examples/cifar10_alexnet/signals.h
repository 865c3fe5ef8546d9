#pragma once

namespace cifar {

// From now on the first SIGINT or SIGTERM is only noted; a second one ends the program.
void note_signals();
// The signal that came, or 0.
int noted_signal();

}  // namespace cifar
