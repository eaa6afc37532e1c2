"""The pages that readers and search engines see."""
