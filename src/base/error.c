#include "base/error.h"

G_DEFINE_QUARK (ut-error-quark, ut_error)
