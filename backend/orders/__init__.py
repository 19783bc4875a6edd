"""Holds, orders and what becomes of them: placing, paying, settling, expiring, refunding."""
