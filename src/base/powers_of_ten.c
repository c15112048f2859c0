// SPDX-License-Identifier: Apache-2.0
#include "base/powers_of_ten.h"

const struct power_of_ten POWERS_OF_TEN[POWER_OF_TEN_MAX - POWER_OF_TEN_MIN + 1] = {
#include "base/powers_of_ten.def"
};
