// compile: the cache of traces and plans, and the functions that use it.
#include "mlx/compile.h"

#include <atomic>
#include <list>
#include <mutex>
#include <unordered_map>

#include "base/environment.h"
#include "base/errors.h"
#include "compile/plan.h"
#include "compile/trace.h"
#include "mlx/compile_impl.h"
#include "mlx/transforms_impl.h"

namespace mlx::core {

namespace {

constexpr size_t kMaxTracesPerFunction = 64;

std::atomic<CompileMode>& compile_mode() {
  static std::atomic<CompileMode> mode{environment_int("MLX_DISABLE_COMPILE").value_or(0) != 0
                                           ? CompileMode::disabled
                                           : CompileMode::enabled};
  return mode;
}

/** What a trace is valid for. */
struct Signature {
  std::vector<Shape> shapes;
  std::vector<Dtype> dtypes;
  std::vector<uint64_t> constants;
  bool shapeless;
  Device device;
  CompileMode mode;

  bool accepts(const Signature& call) const {
    if (dtypes != call.dtypes || constants != call.constants || shapeless != call.shapeless ||
        device != call.device || mode != call.mode || shapes.size() != call.shapes.size()) {
      return false;
    }
    if (!shapeless) return shapes == call.shapes;
    for (size_t i = 0; i < shapes.size(); ++i) {
      if (shapes[i].size() != call.shapes[i].size()) return false;
    }
    return true;
  }
};

struct CacheEntry {
  Signature signature;
  Trace trace;
  std::shared_ptr<Compiled> compiled;  // null when the trace needs several streams
};

/** Traces by function; each function keeps the most recently used ones. */
class CompileCache {
 public:
  std::shared_ptr<const CacheEntry> find(std::uintptr_t fun_id, const Signature& call) {
    std::lock_guard lock(mutex_);
    auto& entries = entries_[fun_id];
    for (auto it = entries.begin(); it != entries.end(); ++it) {
      if ((*it)->signature.accepts(call)) {
        entries.splice(entries.begin(), entries, it);
        return entries.front();
      }
    }
    return nullptr;
  }

  void insert(std::uintptr_t fun_id, std::shared_ptr<const CacheEntry> entry) {
    std::shared_ptr<const CacheEntry>
        evicted;  // released after the lock: it may hold Python objects
    std::lock_guard lock(mutex_);
    auto& entries = entries_[fun_id];
    entries.push_front(std::move(entry));
    if (entries.size() > kMaxTracesPerFunction) {
      evicted = std::move(entries.back());
      entries.pop_back();
    }
  }

  void erase(std::uintptr_t fun_id) {
    std::list<std::shared_ptr<const CacheEntry>> released;
    std::lock_guard lock(mutex_);
    auto found = entries_.find(fun_id);
    if (found == entries_.end()) return;
    released.swap(found->second);
    entries_.erase(found);
  }

  void clear() {
    decltype(entries_) released;
    std::lock_guard lock(mutex_);
    released.swap(entries_);
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::uintptr_t, std::list<std::shared_ptr<const CacheEntry>>> entries_;
};

// Never destroyed: compiled functions may be released after static objects.
CompileCache& compile_cache() {
  static auto* cache = new CompileCache;
  return *cache;
}

Signature signature_of(const std::vector<array>& inputs, bool shapeless,
                       const std::vector<uint64_t>& constants) {
  Signature signature{{}, {}, constants, shapeless, default_device(), compile_mode().load()};
  for (const auto& input : inputs) {
    signature.shapes.push_back(input.shape());
    signature.dtypes.push_back(input.dtype());
  }
  return signature;
}

std::shared_ptr<const CacheEntry> make_entry(const detail::ArrayFnWithExtra& fun,
                                             const std::vector<array>& inputs,
                                             Signature signature) {
  auto entry = std::make_shared<CacheEntry>(CacheEntry{std::move(signature), {}, nullptr});
  entry->trace = trace_function(fun, inputs, entry->signature.shapeless);
  if (entry->signature.mode != CompileMode::no_simplify) merge_common_subexpressions(entry->trace);
  bool fuse = entry->signature.mode != CompileMode::no_fuse;
  if (auto plan = make_plan(entry->trace, fuse)) {
    entry->compiled = std::make_shared<Compiled>(std::make_shared<const Plan>(std::move(*plan)));
  }
  return entry;
}

}  // namespace

namespace detail {

ArrayFnWithExtra compile(ArrayFnWithExtra fun, std::uintptr_t fun_id, bool shapeless,
                         std::vector<uint64_t> constants) {
  return [fun = std::move(fun), fun_id, shapeless,
          constants = std::move(constants)](const std::vector<array>& inputs) -> ArraysAndExtra {
    if (compile_mode() == CompileMode::disabled || in_dynamic_tracing()) return fun(inputs);
    auto signature = signature_of(inputs, shapeless, constants);
    auto entry = compile_cache().find(fun_id, signature);
    if (!entry) {
      // Not under the cache's lock: tracing runs the user's code.
      entry = make_entry(fun, inputs, signature);
      compile_cache().insert(fun_id, entry);
    }
    bool same_shapes = entry->signature.shapes == signature.shapes;
    bool traced = false;
    for (const auto& input : inputs) traced |= input.is_tracer();
    if (entry->compiled && same_shapes && !traced) {
      return {call_plan(entry->compiled, inputs), entry->trace.extra};
    }
    return {replay(entry->trace, inputs, !same_shapes), entry->trace.extra};
  };
}

std::function<std::vector<array>(const std::vector<array>&)> compile(
    std::function<std::vector<array>(const std::vector<array>&)> fun, std::uintptr_t fun_id,
    bool shapeless, std::vector<uint64_t> constants) {
  ArrayFnWithExtra with_extra = [fun = std::move(fun)](const std::vector<array>& inputs) {
    return ArraysAndExtra{fun(inputs), nullptr};
  };
  auto compiled = compile(std::move(with_extra), fun_id, shapeless, std::move(constants));
  return [compiled](const std::vector<array>& inputs) { return compiled(inputs).first; };
}

void compile_erase(std::uintptr_t fun_id) { compile_cache().erase(fun_id); }
void compile_clear_cache() { compile_cache().clear(); }

}  // namespace detail

std::function<std::vector<array>(const std::vector<array>&)> compile(
    std::function<std::vector<array>(const std::vector<array>&)> fun, bool shapeless) {
  // The identity of a function object is that of this token, whose end also ends the traces.
  std::shared_ptr<char> token(new char, [](char* id) {
    detail::compile_erase(reinterpret_cast<std::uintptr_t>(id));
    delete id;
  });
  auto compiled =
      detail::compile(std::move(fun), reinterpret_cast<std::uintptr_t>(token.get()), shapeless);
  return [compiled, token](const std::vector<array>& inputs) { return compiled(inputs); };
}

std::function<std::vector<array>(const std::vector<array>&)> compile(
    std::vector<array> (*fun)(const std::vector<array>&), bool shapeless) {
  return detail::compile(std::function<std::vector<array>(const std::vector<array>&)>(fun),
                         reinterpret_cast<std::uintptr_t>(fun), shapeless);
}

void disable_compile() { compile_mode() = CompileMode::disabled; }
void enable_compile() { compile_mode() = CompileMode::enabled; }
void set_compile_mode(CompileMode mode) { compile_mode() = mode; }

}  // namespace mlx::core
