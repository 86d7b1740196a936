#!/bin/bash
sleep 31337
