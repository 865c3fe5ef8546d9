#include <algorithm>

#include <weft/core/check.h>
#include <weft/nn/module_parts.h>

// What a module holds, by names known at run time.
namespace weft::nn {

namespace {

auto place(Module::Parts& parts, const std::string& name) {
  return std::find_if(parts.children.begin(), parts.children.end(),
                      [&](const auto& child) { return child.first == name; });
}

void check_replaceable(const Module& m, const Module* part, const std::string& name) {
  const auto& kept = ModuleTree::parts(m).kept;
  if (std::find(kept.begin(), kept.end(), part) == kept.end()) return;
  fail<ValueError>("register", "got another {} for a {}, which refers to its own; change that one",
                   name, m.kind());
}

}  // namespace

void ModuleTree::check_name(const Module& m, const std::string& name) {
  if (name.empty() || name.find('.') != std::string::npos) {
    fail<ValueError>("register", "got the name \"{}\" in {}, expected one without \".\"", name,
                     m.kind());
  }
  if (m.parts_->find(name) || find_child(m, name)) {
    fail<ValueError>("register", "got the name \"{}\" twice in {}", name, m.kind());
  }
}

std::shared_ptr<Module> ModuleTree::find_child(const Module& m, const std::string& name) {
  const auto at = place(*m.parts_, name);
  return at == m.parts_->children.end() ? nullptr : at->second;
}

void ModuleTree::set_tensor(Module& m, const Slot& like) {
  if (find_child(m, like.name)) remove(m, like.name);
  Slot* slot = m.parts_->find(like.name);
  if (!slot) {
    check_name(m, like.name);
    slot = &m.parts_->slots.emplace_back();
    slot->kept = false;
  }
  const bool kept = slot->kept;
  *slot = like;
  slot->kept = kept;
}

void ModuleTree::set_child(Module& m, const std::string& name, std::shared_ptr<Module> part) {
  const auto at = place(*m.parts_, name);
  if (at == m.parts_->children.end()) {
    if (m.parts_->find(name)) remove(m, name);
    return m.add_module(name, std::move(part));
  }
  check_replaceable(m, at->second.get(), name);
  at->second = std::move(part);
}

bool ModuleTree::remove(Module& m, const std::string& name) {
  Module::Parts& parts = *m.parts_;
  if (Slot* slot = parts.find(name)) {
    slot->tensor = {};
    if (!slot->kept) std::erase_if(parts.slots, [&](const Slot& s) { return s.name == name; });
    return true;
  }
  const auto at = place(parts, name);
  if (at == parts.children.end()) return false;
  check_replaceable(m, at->second.get(), name);
  parts.children.erase(at);
  return true;
}

}  // namespace weft::nn
