// Runs the threads of one block as fibers on the calling thread.
#pragma once

#include "prelude.h"

namespace fake_cuda {

using BlockFunction = void (*)(const void* args);

/** Runs a whole grid, block after block. Aborts with a message when threads wait for one another
 * forever. */
void run_grid(BlockFunction function, const void* args, EmulatedDim grid, EmulatedDim block,
              unsigned shared_bytes);

/** What kernel libraries must point their mlx_emulation to. */
Emulation* emulation();

}  // namespace fake_cuda
