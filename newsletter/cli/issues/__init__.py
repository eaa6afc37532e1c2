"""The commands of `newsletter issues`."""
