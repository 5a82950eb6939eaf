/* SPDX-License-Identifier: Apache-2.0 */
/* What 32-bit programs load in a 64-bit container: nothing, so that their ld.so finds no fault with the shim's path. */
__attribute__((visibility("hidden"))) const int oci_ksm_stub = 0;
