#!/bin/sh
# Works for the seconds that it is told, or much longer than any test. A run that hears of a cut one does not repeat it.
if grep -q 'cut off'; then
  echo '{"type":"comment","body":"went on after a cut"}'
else
  setsid sleep 300 > /dev/null 2>&1 &
  sleep "${SQUADRON_TEXT:-300}"
  echo '{"type":"comment","body":"worked to the end"}'
fi
echo '{"type":"done","summary":"Worked."}'
