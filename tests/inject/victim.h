/* SPDX-License-Identifier: Apache-2.0 */
/* What the victims of injection share: each notices by itself if anything in it was changed. */
#ifndef TESTS_INJECT_VICTIM_H
#define TESTS_INJECT_VICTIM_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

extern volatile sig_atomic_t victim_stop; /* SIGTERM came */

/* Says what is wrong and ends with 1. */
void victim_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
/* Says that the test may begin; `pids`: whom to inject, by default this process. */
void victim_ready(const pid_t *pids, int count);
uint64_t victim_now_ms(void);
void victim_sleep_ms(int ms);

/* Each returns when it is done, or when victim_stop is set. */
void victim_registers(void);
void victim_calls(int ms);
void victim_busy(void);
void victim_signals(int count);
void victim_exec(char *const *argv, int count);

#endif
