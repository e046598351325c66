#!/bin/sh
# An agent of broker-chaos.spec.ts in a process of its own, in sh because hundreds of them are started. It acts on each
# message by a line in its transcript, the file given; "." ends a batch. It may be killed at any time; without its Nox it ends.
exec 4>>"$1"
while read -r effect; do
  if [ "$effect" = . ]; then echo read; else echo "$effect" >&4; fi
done
