// The lock under which the lazy graph is walked and taken apart.
#pragma once

#include <mutex>

namespace mlx::core {

/** Building nodes needs no lock: a new node only refers to older ones. Scheduling moves the inputs
 * out of nodes, and transforms walk them, so both hold this lock for the length of the walk. */
std::mutex& graph_mutex();

}  // namespace mlx::core
