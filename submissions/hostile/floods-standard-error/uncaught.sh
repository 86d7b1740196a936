#!/bin/bash
yes >&2
