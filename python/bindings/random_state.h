// The default key of random functions, as Python sees it: `mlx.core.random.state`.
#pragma once

#include <nanobind/nanobind.h>

namespace nb = nanobind;

/** The list that holds the default key of the calling thread. */
nb::list default_random_state();

/** `random.state`: stands for the list of whichever thread uses it, so that a function compiled
 * with it as captured state draws from the sequence of the thread that calls it. */
struct RandomState {};

/** The calling thread's list where `tree` is `random.state`, else `tree`. */
inline nb::object resolve_random_state(nb::handle tree) {
  return nb::isinstance<RandomState>(tree) ? nb::object(default_random_state()) : nb::borrow(tree);
}
