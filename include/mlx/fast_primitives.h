// Primitives of the fused operations.
#pragma once

#include "mlx/primitives/attention.h"
#include "mlx/primitives/cross_entropy.h"
#include "mlx/primitives/custom.h"
#include "mlx/primitives/norm.h"
#include "mlx/primitives/rope.h"
