"""What belongs to this computer and its user and not to the workspace, which a team may share.

operator    who works here, as the log names them
vault       the operating system's keyring, for decryption keys
key_files   private keys as files that only their owner may read
"""
