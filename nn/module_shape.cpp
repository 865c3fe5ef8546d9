#include <ostream>
#include <unordered_map>

#include <weft/core/check.h>
#include <weft/nn/attempt.h>
#include <weft/nn/module_parts.h>

// Module's shapes without running: infer, summary, materialize; and how it prints.
namespace weft::nn {

namespace {

// Sees every infer() on this thread while it stands.
struct Tracer {
  bool materialize = false;
  Summary* summary = nullptr;
  std::unordered_map<const Module*, SummaryRow> rows;  // names and depths
  Tracer* before;

  Tracer();
  ~Tracer();
};
thread_local constinit Tracer* tracer = nullptr;

Tracer::Tracer() : before(tracer) { tracer = this; }
Tracer::~Tracer() { tracer = before; }

void name_rows(const Module& m, const std::string& name, int depth, Tracer& t) {
  const auto& children = ModuleTree::parts(m).children;
  t.rows.emplace(&m, SummaryRow{name, m.kind(), depth, children.empty(), {}, 0});
  for (const auto& [child_name, child] : children) name_rows(*child, child_name, depth + 1, t);
}

void count(const Module& m, const Shape& input, SummaryRow& row, Summary& total) {
  const Module::Parts& parts = ModuleTree::parts(m);
  const auto add = [&](Index n, DType dtype, bool is_parameter, bool trainable) {
    total.parameter_bytes += static_cast<std::size_t>(n) * size_of(dtype);
    if (!is_parameter) return;
    row.parameters += n;
    total.parameters += n;
    if (trainable) total.trainable += n;
  };
  const auto shapes =
      ModuleTree::built(m) ? std::vector<ParameterShape>{} : ModuleTree::shapes(m, input);
  for (const auto& slot : parts.slots) {
    if (slot.tensor.defined()) {
      add(slot.tensor.numel(), slot.tensor.dtype(), slot.is_parameter, slot.tensor.requires_grad());
      continue;
    }
    for (const ParameterShape& p : shapes) {
      if (slot.name != p.name) continue;
      add(checked_numel("summary", p.shape), p.dtype.value_or(parts.dtype), slot.is_parameter,
          parts.requires_grad);
    }
  }
}

}  // namespace

bool ModuleTree::traced() { return tracer != nullptr; }

Shape Module::output_shape(const Shape&) const {
  fail<NotImplementedError>(
      "output_shape", "{} does not say what shape it returns; override output_shape()", kind());
}

Shape Module::infer(const Shape& input) const {
  if (!tracer) return output_shape(input);
  if (tracer->materialize) {
    // materialize() is not const, and the parts are its own.
    const_cast<Module*>(this)->build(input);  // NOLINT
    return output_shape(input);
  }
  const auto known = tracer->rows.find(this);
  if (known == tracer->rows.end() || !tracer->summary) return output_shape(input);
  Summary& summary = *tracer->summary;
  const std::size_t at = summary.rows.size();
  summary.rows.push_back(known->second);
  count(*this, input, summary.rows[at], summary);
  const Shape output = output_shape(input);
  SummaryRow& row = summary.rows[at];
  row.output = output;
  if (row.leaf) {
    summary.activation_bytes += static_cast<std::size_t>(checked_numel("summary", output)) * 4;
  }
  return output;
}

Summary Module::summary(const Shape& input) const {
  Summary result;
  const Attempt attempt;  // is not kept
  Tracer trace;
  trace.summary = &result;
  name_rows(*this, "", 0, trace);
  result.input = input;
  result.output = infer(input);
  return result;
}

Shape Module::materialize(const Shape& input) {
  Tracer trace;
  trace.materialize = true;
  Attempt attempt;
  const Shape output = infer(input);
  attempt.keep();
  return output;
}

// ---- Printing

namespace {

// With `indent` before each line but the first.
std::string indented(std::string text, const std::string& indent) {
  for (std::size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 1) {
    text.insert(at + 1, indent);
  }
  return text;
}

std::string tree(const Module& m);

// A line for each part; in a ModuleList one for neighbours that look the same.
std::string lines_of_parts(const Module& m) {
  const auto& children = ModuleTree::parts(m).children;
  const bool grouped = m.kind() == "ModuleList";
  std::string lines;
  for (std::size_t i = 0, end; i < children.size(); i = end) {
    const std::string line = tree(*children[i].second);
    end = i + 1;
    while (grouped && end < children.size() && tree(*children[end].second) == line) ++end;
    lines += end == i + 1 ? fmt::format("\n({}): {}", children[i].first, line)
                          : fmt::format("\n({}-{}): {} x {}", children[i].first,
                                        children[end - 1].first, end - i, line);
  }
  return lines;
}

std::string tree(const Module& m) {
  const auto& children = ModuleTree::parts(m).children;
  const std::string own = m.extra_repr();
  if (children.empty() && own.find('\n') == std::string::npos) return m.kind() + "(" + own + ")";
  const std::string lines = (own.empty() ? "" : "\n" + own) + lines_of_parts(m);
  return m.kind() + "(" + indented(lines, "  ") + "\n)";
}

std::string with_commas(Index n) {
  std::string digits = std::to_string(n);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

std::string megabytes(std::size_t bytes) {
  return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

std::string Module::str() const { return tree(*this); }

std::string Summary::str() const {
  std::string text = fmt::format("{:<34}{:<22}{:>14}\n", "layer", "output", "parameters");
  for (const SummaryRow& row : rows) {
    const std::string label = std::string(static_cast<std::size_t>(row.depth) * 2, ' ') +
                              (row.name.empty() ? "" : row.name + " ") + row.kind;
    text +=
        fmt::format("{:<34}{:<22}{:>14}\n", label, fmt::format("[{}]", fmt::join(row.output, ", ")),
                    row.parameters ? with_commas(row.parameters) : "");
  }
  text += fmt::format("parameters: {} ({} trainable), {}; activations for [{}]: {}\n",
                      with_commas(parameters), with_commas(trainable), megabytes(parameter_bytes),
                      fmt::join(input, ", "), megabytes(activation_bytes));
  return text;
}

std::ostream& operator<<(std::ostream& out, const Module& m) { return out << m.str(); }
std::ostream& operator<<(std::ostream& out, const Summary& s) { return out << s.str(); }

}  // namespace weft::nn
