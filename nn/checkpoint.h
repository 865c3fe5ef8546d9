#pragma once

#include <functional>
#include <map>

#include <weft/core/random.h>
#include <weft/data/loader.h>
#include <weft/nn/state.h>

// The state of a training run in one safetensors file: what was added, by name. Saving writes a
// temporary file, syncs and renames it, so the file is the old one or the new one, whole.
//
//   nn::Checkpoint c;
//   c.add("model", net).add("optimizer", sgd).add("generator", default_generator());
//   c.metadata["epoch"] = "3";
//   c.save("run/checkpoint.safetensors");
//
// What was added must outlive the checkpoint.
namespace weft::nn {

class WEFT_API Checkpoint {
 public:
  // ValueError for a name that is there already or has a "/".
  Checkpoint& add(const std::string& name, Stateful& object);
  Checkpoint& add(const std::string& name, Generator& generator);
  Checkpoint& add(const std::string& name, data::DataLoader& loader);
  // A number of the caller's: a step, an epoch, a sum.
  Checkpoint& add(const std::string& name, double& number);
  Checkpoint& add(const std::string& name, Index& number);

  // Written with save(), replaced by load().
  std::map<std::string, std::string> metadata;

  // Throws IOError.
  void save(const std::string& path) const;
  // Throws IOError, ParseError for a file that lies, and ValueError that lists every name that is
  // missing or unknown and every shape that differs, OutOfMemory; nothing has changed then.
  void load(const std::string& path);

 private:
  struct Part {
    std::string name;
    std::function<StateDict()> state;
    std::function<std::vector<std::string>(const StateDict&)> mismatches;
    // Returns what takes the state over and cannot fail.
    std::function<std::function<void()>(const StateDict&)> prepare;
  };
  Checkpoint& add_part(Part part);
  std::vector<Part> parts_;
};

// A module's parameters and buffers alone, in a safetensors file under their own names.
WEFT_API void save_weights(const std::string& path, const Stateful& module,
                           const std::map<std::string, std::string>& metadata = {});
// Returns the metadata; errors as Checkpoint::load.
WEFT_API std::map<std::string, std::string> load_weights(const std::string& path, Stateful& module);

}  // namespace weft::nn
