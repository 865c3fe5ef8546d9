#include <weft/nn/checkpoint.h>

#include <bit>
#include <cstdint>

#include <weft/core/check.h>
#include <weft/data/safetensors.h>
#include <weft/ops/make.h>

namespace weft::nn {

namespace {

// Names in the file are part/name.
constexpr char kSeparator = '/';

template <std::size_t N>
StateDict words(const std::array<std::uint64_t, N>& values) {
  Tensor t = empty({static_cast<Index>(N)}, DType::I64);
  for (std::size_t i = 0; i < N; ++i)
    t.data<std::int64_t>()[i] = std::bit_cast<std::int64_t>(values[i]);
  return {{"state", t}};
}

std::uint64_t word(const StateDict& state, int i) {
  return std::bit_cast<std::uint64_t>(find(state, "state")->data<std::int64_t>()[i]);
}

// One tensor "state" of that shape and dtype, and nothing else.
std::vector<std::string> check_one(const StateDict& state, const Shape& shape, DType dtype) {
  std::vector<std::string> found;
  for (const auto& [name, tensor] : state) {
    if (name != "state") found.push_back(name + " is unknown here");
  }
  const Tensor* t = find(state, "state");
  if (!t) {
    found.push_back("state is missing");
  } else if (t->sizes() != shape || t->dtype() != dtype) {
    found.push_back(fmt::format("state has shape [{}] of {}, expected [{}] of {}",
                                fmt::join(t->sizes(), ", "), t->dtype(), fmt::join(shape, ", "),
                                dtype));
  }
  return found;
}

// "[op] path: ..." for what a file says wrong.
void check_file(const std::string& path, const std::vector<std::string>& mismatches) {
  check_no_mismatch("load", path, mismatches);
}

}  // namespace

Checkpoint& Checkpoint::add_part(Part part) {
  if (part.name.empty() || part.name.find(kSeparator) != std::string::npos) {
    fail<ValueError>("Checkpoint", "got the name \"{}\", expected one without \"/\"", part.name);
  }
  for (const Part& p : parts_) {
    if (p.name == part.name) fail<ValueError>("Checkpoint", "got the name {} twice", p.name);
  }
  parts_.push_back(std::move(part));
  return *this;
}

Checkpoint& Checkpoint::add(const std::string& name, Stateful& object) {
  return add_part({name, [&object] { return object.state_dict(); },
                   [&object](const StateDict& s) { return object.mismatches(s); },
                   [&object](const StateDict& s) { return object.prepare_load(s); }});
}

Checkpoint& Checkpoint::add(const std::string& name, Generator& generator) {
  return add_part(
      {name,
       [&generator] {
         const RandomKey key = generator.state();
         return words<2>({key.seed, key.offset});
       },
       [](const StateDict& s) { return check_one(s, {2}, DType::I64); },
       [&generator](const StateDict& s) {
         return [&generator, key = RandomKey{word(s, 0), word(s, 1)}] { generator.set_state(key); };
       }});
}

Checkpoint& Checkpoint::add(const std::string& name, data::DataLoader& loader) {
  const auto position = [](const StateDict& s) {
    return data::DataLoader::State{word(s, 0), static_cast<Index>(word(s, 1)),
                                   static_cast<Index>(word(s, 2))};
  };
  return add_part({name,
                   [&loader] {
                     const auto s = loader.state();
                     return words<3>({s.seed, static_cast<std::uint64_t>(s.epoch),
                                      static_cast<std::uint64_t>(s.batch)});
                   },
                   [&loader, position](const StateDict& s) {
                     auto found = check_one(s, {3}, DType::I64);
                     if (!found.empty()) return found;
                     const auto p = position(s);
                     if (p.epoch < 0 || p.epoch > INT32_MAX || p.batch < 0 ||
                         p.batch > loader.size()) {
                       found.push_back(
                           fmt::format("batch {} of epoch {} does not exist: there are "
                                       "{} in an epoch",
                                       p.batch, p.epoch, loader.size()));
                     }
                     return found;
                   },
                   [&loader, position](const StateDict& s) {
                     return [&loader, p = position(s)] { loader.set_state(p); };
                   }});
}

Checkpoint& Checkpoint::add(const std::string& name, double& number) {
  return add_part({name,
                   [&number] {
                     return StateDict{{"state", nn::number(number)}};
                   },
                   [](const StateDict& s) { return check_one(s, {}, DType::F64); },
                   [&number](const StateDict& s) {
                     return [&number, n = find(s, "state")->item<double>()] { number = n; };
                   }});
}

Checkpoint& Checkpoint::add(const std::string& name, Index& number) {
  return add_part({name,
                   [&number] {
                     return StateDict{{"state", nn::number(number)}};
                   },
                   [](const StateDict& s) { return check_one(s, {}, DType::I64); },
                   [&number](const StateDict& s) {
                     return [&number, n = find(s, "state")->item<Index>()] { number = n; };
                   }});
}

void Checkpoint::save(const std::string& path) const {
  TensorMap tensors;
  for (const Part& part : parts_) {
    for (const auto& [name, tensor] : part.state()) {
      tensors.emplace(part.name + kSeparator + name, tensor);
    }
  }
  save_safetensors(path, tensors, metadata);
}

void Checkpoint::load(const std::string& path) {
  TextMap text;
  const TensorMap tensors = load_safetensors(path, &text);
  std::map<std::string, StateDict> states;
  for (const Part& part : parts_) states.emplace(part.name, StateDict{});
  std::vector<std::string> mismatches;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t at = name.find(kSeparator);
    const auto state = at == std::string::npos ? states.end() : states.find(name.substr(0, at));
    if (state == states.end()) {
      mismatches.push_back(name + " is unknown here");
    } else {
      state->second.emplace_back(name.substr(at + 1), tensor);
    }
  }
  for (const Part& part : parts_) {
    for (const std::string& m : part.mismatches(states[part.name])) {
      mismatches.push_back(part.name + kSeparator + m);
    }
  }
  check_file(path, mismatches);
  std::vector<std::function<void()>> changes;
  for (const Part& part : parts_) changes.push_back(part.prepare(states[part.name]));
  for (const auto& change : changes) change();
  metadata = std::move(text);
}

void save_weights(const std::string& path, const Stateful& module,
                  const std::map<std::string, std::string>& metadata) {
  const StateDict state = module.state_dict();
  save_safetensors(path, TensorMap(state.begin(), state.end()), metadata);
}

std::map<std::string, std::string> load_weights(const std::string& path, Stateful& module) {
  TextMap text;
  const TensorMap tensors = load_safetensors(path, &text);
  const StateDict state(tensors.begin(), tensors.end());
  check_file(path, module.mismatches(state));
  module.load_state_dict(state);
  return text;
}

}  // namespace weft::nn
