"""A page in headless Chromium, driven over a pipe (DevTools protocol): keys are pressed, and what
has the focus is asked."""
import json
import os
import selectors
import subprocess
import time

KEYS = {'Tab': 9, 'Enter': 13}


class Browser:
    """Chromium with one page; leaves with the block."""

    def __init__(self, program, folder, guard):
        self.guard = guard
        self.number = 0
        self.rest = b''
        self.requests = []
        there, self.to = os.pipe()
        self.back, here = os.pipe()

        def place():  # it reads from 3 and writes to 4
            fds = os.dup(there), os.dup(here)
            os.dup2(fds[0], 3)
            os.dup2(fds[1], 4)

        self.child = subprocess.Popen(
            [program, '--headless', '--no-sandbox', '--disable-gpu', '--remote-debugging-pipe',
             '--user-data-dir=' + folder, 'about:blank'], preexec_fn=place, close_fds=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(there)
        os.close(here)
        self.wait = selectors.DefaultSelector()
        self.wait.register(self.back, selectors.EVENT_READ)
        self.session = None
        target = self.ask('Target.createTarget', url='about:blank')['targetId']
        self.session = self.ask('Target.attachToTarget', targetId=target, flatten=True)['sessionId']
        for domain in 'Page', 'Runtime', 'Network':
            self.ask(domain + '.enable')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        os.close(self.to)
        os.close(self.back)

    def receive(self, until):
        """The next message; requests are noted."""
        while b'\0' not in self.rest:
            if not self.wait.select(until - time.monotonic()):
                raise TimeoutError('the browser is silent')
            octets = os.read(self.back, 65536)
            if not octets:
                raise EOFError('the browser ended')
            self.rest += octets
        message, self.rest = self.rest.split(b'\0', 1)
        message = json.loads(message)
        if message.get('method') == 'Network.requestWillBeSent':
            self.requests.append(message['params']['request']['url'])
        return message

    def ask(self, method, **params):
        self.number += 1
        question = {'id': self.number, 'method': method, 'params': params}
        if self.session:
            question['sessionId'] = self.session
        os.write(self.to, json.dumps(question).encode() + b'\0')
        until = time.monotonic() + self.guard
        while True:
            message = self.receive(until)
            if message.get('id') == self.number:
                return message['result']

    def open(self, path):
        self.ask('Page.navigate', url='file://' + path)
        until = time.monotonic() + self.guard
        while self.receive(until).get('method') != 'Page.loadEventFired':
            pass

    def press(self, key):
        for kind in 'rawKeyDown', 'char', 'keyUp':
            if kind != 'char' or key == 'Enter':
                self.ask('Input.dispatchKeyEvent', type=kind, key=key, code=key,
                         windowsVirtualKeyCode=KEYS[key], text='\r' if kind == 'char' else '')

    def evaluate(self, script):
        return self.ask('Runtime.evaluate', expression=script,
                        returnByValue=True)['result'].get('value')

    def scheme(self, name):
        self.ask('Emulation.setEmulatedMedia',
                 features=[{'name': 'prefers-color-scheme', 'value': name}])
