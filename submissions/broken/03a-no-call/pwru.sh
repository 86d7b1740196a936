#!/bin/bash
dig +short fep.grid.pub.ro @8.8.8.8
