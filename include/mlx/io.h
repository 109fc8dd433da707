// Reading and writing arrays: NumPy's npy and safetensors.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "mlx/api.h"
#include "mlx/array.h"
#include "mlx/io/load.h"
#include "mlx/utils.h"

namespace mlx::core {

using GGUFMetaData = std::variant<std::monostate, array, std::string, std::vector<std::string>>;
using GGUFLoad = std::pair<std::unordered_map<std::string, array>,
                           std::unordered_map<std::string, GGUFMetaData>>;
using SafetensorsLoad =
    std::pair<std::unordered_map<std::string, array>, std::unordered_map<std::string, std::string>>;

/** Saves an array as npy; the suffix .npy is added to a file name without it. */
MLX_API void save(std::shared_ptr<io::Writer> out_stream, array a);
MLX_API void save(std::string file, array a);

/** An array read from npy when it is evaluated. Raises when the header is not valid or the file is
 * too short for it. */
MLX_API array load(std::shared_ptr<io::Reader> in_stream, StreamOrDevice s = {});
MLX_API array load(std::string file, StreamOrDevice s = {});

/** The arrays (each read when it is evaluated) and the metadata of a safetensors file. Raises
 * unless all offsets are within the file, do not overlap, and match shapes and dtypes. */
MLX_API SafetensorsLoad load_safetensors(std::shared_ptr<io::Reader> in_stream,
                                         StreamOrDevice s = {});
MLX_API SafetensorsLoad load_safetensors(const std::string& file, StreamOrDevice s = {});

MLX_API void save_safetensors(std::shared_ptr<io::Writer> out_stream,
                              std::unordered_map<std::string, array> arrays,
                              std::unordered_map<std::string, std::string> metadata = {});
MLX_API void save_safetensors(std::string file, std::unordered_map<std::string, array> arrays,
                              std::unordered_map<std::string, std::string> metadata = {});

/** Not available yet: raises. */
MLX_API GGUFLoad load_gguf(const std::string& file, StreamOrDevice s = {});
MLX_API void save_gguf(std::string file, std::unordered_map<std::string, array> array_map,
                       std::unordered_map<std::string, GGUFMetaData> meta_data = {});

}  // namespace mlx::core
