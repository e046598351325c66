#!/bin/sh
# stamped.sh FILE PROGRAM ARGS…: appends the moment at which it runs, then becomes the program. So a bench sees when a
# child really began, whoever started it.
date +%s%N >>"$1"
shift
exec "$@"
