/* Elementary functions whose bits depend on the source alone. The C library picks variants of exp and log with fused
 * multiply-adds by the processor, and those differ in the last bit; what ends in a stored number or a pixel must not. */
#pragma once

/* eˣ, relative error below 2^-51; 0 and infinity where a double ends. */
double ut_exp (double x);

/* ln x, relative error below 2^-51; −∞ of 0, NaN below. */
double ut_log (double x);
