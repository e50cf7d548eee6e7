"""Customers' features to clusters: preparation, k-means, exact indices, choice of k, assignment.

Every stored sum and distance is added in one order, without BLAS, which rounds by batch shape.
"""
