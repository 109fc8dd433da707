// Symbol visibility of the public API.
#pragma once

#define MLX_API __attribute__((visibility("default")))
