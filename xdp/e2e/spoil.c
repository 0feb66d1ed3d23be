/*
 * Preloaded: what is loaded by bpf(2) begins with an instruction that no verifier takes, a read
 * above the stack. Small programs stay as they are: by those it is asked what the kernel can do.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/bpf.h>
#include <stdarg.h>
#include <sys/syscall.h>

long
syscall(long number, ...)
{
	long (*real)(long, ...) = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	long a[6];
	va_list list;

	va_start(list, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(list, long);
	va_end(list);
	if (number == SYS_bpf && a[0] == BPF_PROG_LOAD) {
		union bpf_attr *attr = (union bpf_attr *)a[1];
		struct bpf_insn *first = (struct bpf_insn *)(unsigned long)attr->insns;

		if (attr->insn_cnt > 100)
			*first = (struct bpf_insn){ .code = BPF_LDX | BPF_MEM | BPF_DW,
				.dst_reg = BPF_REG_0,
				.src_reg = BPF_REG_10,
				.off = 8 };
	}
	return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
