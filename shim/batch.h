/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the number of VMAs low: while a process has few, memory is marked at once; when it has many, in batches. */
#ifndef SHIM_BATCH_H
#define SHIM_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

/*
 * Is the new memory at addr, of len bytes, to be marked now, by the caller? If not, it waits until more has come
 * together, and its whole mapping is marked by a later call of this function.
 */
bool shim_batch_is_now(uintptr_t addr, size_t len);

#pragma GCC visibility pop

#endif
