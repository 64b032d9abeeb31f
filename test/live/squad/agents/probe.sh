#!/bin/sh
# Repeats each token that its messages hold.
tokens=$(grep -o 'token-[0-9]*' | sort -u | tr '\n' ' ')
echo "{\"type\":\"comment\",\"body\":\"heard $tokens\"}"
echo '{"type":"done","summary":"Repeated the tokens."}'
