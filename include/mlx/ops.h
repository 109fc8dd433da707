// All public operations.
#pragma once

#include "mlx/ops/elementwise.h"
#include "mlx/ops/shape.h"
