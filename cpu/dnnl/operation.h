#pragma once

#include <weft/cpu/dnnl/api.h>
#include <weft/cpu/scratch.h>

namespace weft::cpu::dnnl {

// A primitive ready to run on other memory each time: its memory objects and arguments are made
// once. Where the primitive wants an operand in a layout of its own, a reorder stands before or
// after it. Belongs to one thread.
class Operation {
 public:
  struct Port {
    int argument;   // DNNL_ARG_...
    DescRef outer;  // what the caller has
    DescRef inner;  // what the primitive wants
    bool output = false;
  };

  Operation() = default;
  Operation(const PrimitiveDesc& pd, std::initializer_list<Port> ports);    // at most kMaxPorts
  void run(std::initializer_list<void*> data) { Series(*this).run(data); }  // the ports', in order

  static constexpr int kMaxPorts = 4;
  // Runs one after the other: an input that stays where it is, unchanged, is reordered once.
  class Series {
   public:
    explicit Series(Operation& operation) : operation_(operation), scratch_(operation.scratch_) {}
    void run(std::initializer_list<void*> data);

   private:
    Operation& operation_;
    const Scratch scratch_;
    void* last_[kMaxPorts] = {};
  };

 private:
  struct Operand {
    Memory outer, inner;  // inner only where there is a reorder
    Primitive reorder;
    std::size_t offset = 0;  // of inner in the scratch memory
    bool output = false;
  };

  void add(const Port& port);
  void convert(const Operand& operand, bool output);

  Primitive primitive_;
  Operand operands_[kMaxPorts];
  Memory scratchpad_;
  dnnl_exec_arg_t arguments_[kMaxPorts + 1];
  int count_ = 0;
  std::size_t scratch_ = 0;  // bytes: the scratchpad, then the operands' inner memory
};

}  // namespace weft::cpu::dnnl
