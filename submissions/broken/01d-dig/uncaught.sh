#!/bin/bash
dig +tries=1 +time=1 fep.grid.pub.ro @8.8.8.8
