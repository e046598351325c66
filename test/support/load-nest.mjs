// Libraries of CommonJS that require Nest (@nestjs/throttler) can be loaded by jest only after Nest itself.
import '@nestjs/common';
import '@nestjs/core';
