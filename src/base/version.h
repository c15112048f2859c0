// SPDX-License-Identifier: Apache-2.0
/* The version of the program, here and nowhere else. */
#pragma once

#define FIRN_VERSION "0.1.0"
