"""Tests of the people and crawlers that load tests are made of."""
