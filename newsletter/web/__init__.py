"""How do people reach the other rooms? The pages of readers, editors and operators.

public, confirming, leaving, preferences    a reader's way in, and out
archive, feeds                              what anyone may read
desk                                        the editors' side
operations                                  what machines ask
security, sorry, looks                      what every page shares
"""

from newsletter.web.app import create_app

__all__ = ["create_app"]
