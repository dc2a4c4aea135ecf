# SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
# What the kernel side consists of; read by the Makefile and by Kbuild.
#
# The includer adds -D__TARGET_ARCH_* and the folder of vmlinux.h.

tm-bpf-objs := maps.bpf.o mark.bpf.o data.bpf.o ioctl.bpf.o swap.bpf.o dio.bpf.o names.bpf.o meta.bpf.o mmap.bpf.o tmpfs.bpf.o guard.bpf.o
tm-bpf-flags := -target bpf -mcpu=v3 -O2 -g -std=gnu11 -Wall -Wextra -Werror \
	-Wno-missing-declarations -Wno-unused-parameter -fno-stack-protector
