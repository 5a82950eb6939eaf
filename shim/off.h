/* SPDX-License-Identifier: Apache-2.0 */
/* How the shim learns that its container is switched off (oci-ksm disable): what both sides agree on. */
#ifndef SHIM_OFF_H
#define SHIM_OFF_H

/*
 * A note of the library: its description, 4 bytes, is the distance from there to a 32-bit word. While that is not 0, nothing is
 * marked. It is written from outside.
 */
#define SHIM_NOTE_NAME "oci-ksm"
#define SHIM_NOTE_OFF  1
/* Programs that start while this file is there begin with the word set. */
#define SHIM_OFF_FILE "/dev/oci-ksm.off"

#endif
