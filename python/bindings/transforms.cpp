// Evaluation and function transformations.
#include "bindings.h"
#include "convert.h"
#include "mlx/transforms.h"

void bind_transforms(nb::module_& m) {}
