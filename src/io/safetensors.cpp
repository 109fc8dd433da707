// The safetensors format: 8 bytes of header length, a JSON header, then the tensors' bytes.
#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "graph/shape.h"
#include "io/source.h"
#include "mlx/io.h"
#include "mlx/ops/shape.h"
#include "mlx/primitives/io.h"
#include "mlx/transforms.h"

namespace mlx::core {

namespace {

using json = nlohmann::json;

constexpr uint64_t kMaxHeader = uint64_t{100} << 20;  // the format's own limit
constexpr const char* kMetadata = "__metadata__";

struct DtypeName {
  Dtype dtype;
  const char* name;
};
constexpr DtypeName kDtypeNames[] = {
    {bool_, "BOOL"},  {uint8, "U8"},      {uint16, "U16"},  {uint32, "U32"},   {uint64, "U64"},
    {int8, "I8"},     {int16, "I16"},     {int32, "I32"},   {int64, "I64"},    {float16, "F16"},
    {float32, "F32"}, {bfloat16, "BF16"}, {float64, "F64"}, {complex64, "C64"}};

Dtype dtype_from_safetensors(const std::string& name, const std::string& label) {
  for (const auto& row : kDtypeNames) {
    if (name == row.name) return row.dtype;
  }
  if (name == "F8_E4M3") return uint8;  // the bytes, as MLX reads them
  throw_runtime("load_safetensors", "Unsupported dtype {} in {}.", name, label);
}

const char* dtype_to_safetensors(Dtype dtype) {
  for (const auto& row : kDtypeNames) {
    if (dtype == row.dtype) return row.name;
  }
  throw_internal("dtype without a safetensors name");
}

[[noreturn]] void refuse(const std::string& label, const std::string& what) {
  throw_runtime("load_safetensors", "Invalid header in {}: {}.", label, what);
}

json read_header(io::Reader& reader, size_t file_size, uint64_t& header_size) {
  unsigned char length[8];
  if (file_size < sizeof(length)) refuse(reader.label(), "the file is too short");
  reader.seek(0);
  reader.read(reinterpret_cast<char*>(length), sizeof(length));
  header_size = 0;
  for (int i = 0; i < 8; ++i) header_size |= uint64_t{length[i]} << (8 * i);
  if (header_size == 0 || header_size > kMaxHeader || header_size > file_size - sizeof(length)) {
    throw_runtime("load_safetensors", "Invalid json header length {} in {}.", header_size,
                  reader.label());
  }
  std::string text(header_size, '\0');
  reader.read(text.data(), text.size());
  json header = json::parse(text, nullptr, false);
  if (header.is_discarded() || !header.is_object()) {
    throw_runtime("load_safetensors", "Invalid json metadata in {}.", reader.label());
  }
  return header;
}

struct Entry {
  Dtype dtype;
  Shape shape;
  uint64_t begin;
  uint64_t end;
};

Entry parse_entry(const std::string& name, const json& item, uint64_t data_size,
                  const std::string& label) {
  auto bad = [&](const char* what) -> void {
    refuse(label, fmt::format("tensor '{}' {}", name, what));
  };
  if (!item.is_object() || !item.contains("dtype") || !item["dtype"].is_string() ||
      !item.contains("shape") || !item["shape"].is_array() || !item.contains("data_offsets") ||
      !item["data_offsets"].is_array() || item["data_offsets"].size() != 2) {
    bad("lacks dtype, shape or data_offsets");
  }
  Entry entry{dtype_from_safetensors(item["dtype"].get<std::string>(), label), {}, 0, 0};
  uint64_t bytes = entry.dtype.size();
  for (const auto& length : item["shape"]) {
    if (!length.is_number_unsigned() || length.get<uint64_t>() > INT32_MAX)
      bad("has an invalid shape");
    entry.shape.push_back(static_cast<ShapeElem>(length.get<uint64_t>()));
    if (__builtin_mul_overflow(bytes, length.get<uint64_t>(), &bytes)) bad("is too large");
  }
  const auto& offsets = item["data_offsets"];
  if (!offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned())
    bad("has invalid offsets");
  entry.begin = offsets[0].get<uint64_t>();
  entry.end = offsets[1].get<uint64_t>();
  if (entry.begin > entry.end || entry.end > data_size) bad("lies outside the file");
  if (entry.end - entry.begin != bytes) bad("has offsets that do not match its shape and dtype");
  return entry;
}

}  // namespace

SafetensorsLoad load_safetensors(std::shared_ptr<io::Reader> in_stream, StreamOrDevice s) {
  io::check_open(*in_stream, "load_safetensors");
  size_t file_size = io::source_size(*in_stream);
  uint64_t header_size = 0;
  json header = read_header(*in_stream, file_size, header_size);
  uint64_t data_begin = 8 + header_size;
  Stream stream = to_stream(s, Device::cpu);
  std::unordered_map<std::string, array> arrays;
  std::unordered_map<std::string, std::string> metadata;
  std::map<uint64_t, uint64_t> ranges;
  for (const auto& [name, item] : header.items()) {
    if (name == kMetadata) {
      if (!item.is_object()) refuse(in_stream->label(), "__metadata__ is not an object");
      for (const auto& [key, value] : item.items()) {
        if (!value.is_string()) refuse(in_stream->label(), "metadata values must be strings");
        metadata.emplace(key, value.get<std::string>());
      }
      continue;
    }
    Entry entry = parse_entry(name, item, file_size - data_begin, in_stream->label());
    if (entry.end > entry.begin) {
      auto [at, inserted] = ranges.emplace(entry.begin, entry.end);
      bool overlaps = !inserted ||
                      (std::next(at) != ranges.end() && std::next(at)->first < entry.end) ||
                      (at != ranges.begin() && std::prev(at)->second > entry.begin);
      if (overlaps) refuse(in_stream->label(), fmt::format("tensor '{}' overlaps another", name));
    }
    arrays.emplace(name,
                   array(std::move(entry.shape), entry.dtype,
                         std::make_shared<Load>(stream, in_stream, data_begin + entry.begin, false),
                         std::vector<array>{}));
  }
  return {std::move(arrays), std::move(metadata)};
}

SafetensorsLoad load_safetensors(const std::string& file, StreamOrDevice s) {
  return load_safetensors(std::make_shared<io::ParallelFileReader>(file), s);
}

void save_safetensors(std::shared_ptr<io::Writer> out_stream,
                      std::unordered_map<std::string, array> arrays,
                      std::unordered_map<std::string, std::string> metadata) {
  out_stream->open();
  if (!out_stream->good() || !out_stream->is_open()) {
    throw_runtime("save_safetensors", "Failed to open {}.", out_stream->label());
  }
  std::map<std::string, array> sorted(arrays.begin(), arrays.end());
  arrays.clear();
  std::vector<array> pending;
  for (auto& [name, a] : sorted) {
    if (name == kMetadata) {
      throw_invalid("save_safetensors",
                    "an array cannot be called '{}': the format uses that name.", name);
    }
    a = contiguous(a, false, Device::cpu);
    pending.push_back(a);
  }
  eval(pending);
  json header;
  json meta = json::object();
  for (const auto& [key, value] : metadata) meta[key] = value;
  header[kMetadata] = meta;
  uint64_t offset = 0;
  for (const auto& [name, a] : sorted) {
    header[name] = {{"dtype", dtype_to_safetensors(a.dtype())},
                    {"shape", std::vector<int64_t>(a.shape().begin(), a.shape().end())},
                    {"data_offsets", {offset, offset + a.nbytes()}}};
    offset += a.nbytes();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  char length[8];
  for (int i = 0; i < 8; ++i) length[i] = static_cast<char>((text.size() >> (8 * i)) & 0xff);
  out_stream->write(length, sizeof(length));
  out_stream->write(text.data(), text.size());
  for (const auto& [name, a] : sorted) out_stream->write(a.data<char>(), a.nbytes());
  out_stream->commit();
}

void save_safetensors(std::string file, std::unordered_map<std::string, array> arrays,
                      std::unordered_map<std::string, std::string> metadata) {
  if (!file.ends_with(".safetensors")) file += ".safetensors";
  save_safetensors(std::make_shared<io::FileWriter>(std::move(file)), std::move(arrays),
                   std::move(metadata));
}

GGUFLoad load_gguf(const std::string&, StreamOrDevice) { throw_not_implemented("load_gguf"); }

void save_gguf(std::string, std::unordered_map<std::string, array>,
               std::unordered_map<std::string, GGUFMetaData>) {
  throw_not_implemented("save_gguf");
}

}  // namespace mlx::core
