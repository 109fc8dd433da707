// All primitives.
#pragma once

#include "mlx/primitives/binary.h"
#include "mlx/primitives/control.h"
#include "mlx/primitives/creation.h"
#include "mlx/primitives/indexing.h"
#include "mlx/primitives/io.h"
#include "mlx/primitives/matmul.h"
#include "mlx/primitives/primitive.h"
#include "mlx/primitives/quantized.h"
#include "mlx/primitives/random.h"
#include "mlx/primitives/reduce.h"
#include "mlx/primitives/scan.h"
#include "mlx/primitives/shape.h"
#include "mlx/primitives/softmax.h"
#include "mlx/primitives/sort.h"
#include "mlx/primitives/ternary.h"
#include "mlx/primitives/unary.h"
