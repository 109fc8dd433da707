// All public operations.
#pragma once

#include "mlx/ops/control.h"
#include "mlx/ops/creation.h"
#include "mlx/ops/elementwise.h"
#include "mlx/ops/indexing.h"
#include "mlx/ops/matmul.h"
#include "mlx/ops/operators.h"
#include "mlx/ops/quantized.h"
#include "mlx/ops/reduce.h"
#include "mlx/ops/shape.h"
#include "mlx/ops/sort.h"
