// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* bpf/maps.bpf.c - owns the maps and the license string. */
#define TM_MAPS_OWNER
#include "maps.bpf.h"

struct tm_ver tm_versions[TM_VERSIONS];
struct tm_hot tm_hot SEC(".data.hot");

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define STRING_OF(x)	#x
#define STRING(x)	STRING_OF(x)

/* Shown by `bpftool prog show` with each program. */
const char bpf_metadata_program[] SEC(".rodata") = "tidemark";
const char bpf_metadata_abi[] SEC(".rodata") = STRING(TM_ABI_VERSION);
const char bpf_metadata_license[] SEC(".rodata") = "Dual BSD/GPL";
const char bpf_metadata_source[] SEC(".rodata") = "bpf/README.md";
