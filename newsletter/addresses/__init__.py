"""What an address alone tells: one mailbox's spellings, the provider that takes its mail in, how to show it masked."""
