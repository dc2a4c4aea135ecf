// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* bpf/maps.bpf.c - owns the maps and the license string. */
#define TM_MAPS_OWNER
#include "maps.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Shown by `bpftool prog show` with each program. */
const char bpf_metadata_program[] SEC(".rodata") = "tidemark";
const char bpf_metadata_source[] SEC(".rodata") = "bpf/README.md";
