/* UT_WIDE before a function compiles it once more for each newer level of x86-64 and lets the loader choose. A loop whose lanes
 * are fixed in the source computes more of them at once there, never other sums: -ffp-contract=off keeps fused multiply-adds,
 * which round once less, out of the clones, so that all of them give the bits of the baseline. */
#pragma once

#if defined(__x86_64__) && defined(__gnu_linux__)
#define UT_WIDE __attribute__ ((target_clones ("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define UT_WIDE
#endif
