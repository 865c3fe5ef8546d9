#include <weft/cpu/dnnl/operation.h>

namespace weft::cpu::dnnl {
namespace {

Memory make_memory(DescRef desc) {
  Memory m;
  check(dnnl_memory_create(m.out(), desc, engine(), DNNL_MEMORY_NONE), "memory");
  return m;
}

Primitive make_primitive(const PrimitiveDesc& pd) {
  Primitive p;
  check(dnnl_primitive_create(p.out(), pd.get()), "primitive");
  return p;
}

void point(const Memory& memory, void* data) {
  check(dnnl_memory_set_data_handle(memory.get(), data), "data");
}

std::size_t aligned(std::size_t bytes) { return (bytes + 63) & ~std::size_t{63}; }

}  // namespace

Operation::Operation(const PrimitiveDesc& pd, std::initializer_list<Port> ports)
    : primitive_(make_primitive(pd)),
      scratchpad_(make_memory(query(pd, dnnl_query_scratchpad_md))),
      scratch_(aligned(byte_size(query(pd, dnnl_query_scratchpad_md)))) {
  for (const Port& port : ports) add(port);
  arguments_[count_] = {DNNL_ARG_SCRATCHPAD, scratchpad_.get()};
}

void Operation::add(const Port& port) {
  Operand& o = operands_[count_];
  o.outer = make_memory(port.outer);
  o.output = port.output;
  if (!same(port.outer, port.inner)) {
    const PrimitiveDesc pd =
        port.output ? dnnl::reorder(port.inner, port.outer) : dnnl::reorder(port.outer, port.inner);
    o.inner = make_memory(port.inner);
    o.reorder = make_primitive(pd);
    o.offset = scratch_;
    scratch_ += aligned(byte_size(port.inner));
  }
  arguments_[count_++] = {port.argument, o.inner ? o.inner.get() : o.outer.get()};
}

void Operation::convert(const Operand& o, bool output) {
  if (!o.reorder || o.output != output) return;
  dnnl_exec_arg_t pair[2] = {{DNNL_ARG_FROM, output ? o.inner.get() : o.outer.get()},
                             {DNNL_ARG_TO, output ? o.outer.get() : o.inner.get()}};
  check(dnnl_primitive_execute(o.reorder.get(), stream(), 2, pair), "reorder");
}

void Operation::Series::run(std::initializer_list<void*> data) {
  Operation& op = operation_;
  char* base = scratch_.as<char>();
  if (base) point(op.scratchpad_, base);
  int i = 0;
  for (void* p : data) {
    const Operand& o = op.operands_[i];
    point(o.outer, p);
    if (o.inner) point(o.inner, base + o.offset);
    if (p != last_[i]) op.convert(o, false);
    last_[i++] = p;
  }
  check(dnnl_primitive_execute(op.primitive_.get(), stream(), op.count_ + 1, op.arguments_),
        "execution");
  for (int k = 0; k < op.count_; ++k) op.convert(op.operands_[k], true);
}

}  // namespace weft::cpu::dnnl
