// The frame around every page: navigation, search and the choice of light or dark. No server is needed:
// data comes as scripts, which a browser also loads from files.
const gradusSite = (() => {
  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const store = {
    get(name) { try { return localStorage.getItem(name); } catch { return null; } },
    set(name, value) { try { localStorage.setItem(name, value); } catch { /* private window */ } },
  };
  const here = decodeURIComponent(location.pathname.split('/').pop()) || 'index.html';

  // --- Light or dark: what the reader chose, else what the system says.
  const chosen = store.get('gradus-theme');
  if (chosen) document.documentElement.dataset.theme = chosen;
  function switchTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
    store.set('gradus-theme', root.dataset.theme);
  }

  // --- Navigation: groups of [title, page, inner pages]. The group of this page is open.
  function link([title, page, inner]) {
    const item = element('li', {}, element('a', { href: page, textContent: title }));
    if (inner) item.append(element('ul', {}, ...inner.map(link)));
    if (page === here) item.firstChild.setAttribute('aria-current', 'page');
    return item;
  }
  const holds = ([, page, inner]) => page === here || (inner || []).some(holds);
  function fillNavigation(navigation) {
    const owner = window.gradusOwners[here];  // the header that this class, concept or header page belongs to
    for (const { title, pages } of window.gradusNavigation) {
      const open = pages.some(holds) || pages.some(([, page]) => page === owner);
      const group = element('details', { open }, element('summary', { textContent: title }),
        element('ul', {}, ...pages.map(link)));
      if (owner) group.querySelector(`a[href="${owner}"]`)?.setAttribute('aria-current', 'page');
      navigation.append(group);
    }
    const current = navigation.querySelector('[aria-current]');
    if (current) navigation.scrollTop = current.offsetTop - navigation.offsetTop - navigation.clientHeight / 2;
  }

  // --- Search: the index is loaded when the field is first used.
  let index = null;
  function loadIndex() {
    if (index) return;
    index = [];
    const script = element('script', { src: 'search-index.js', onload: () => {
      index = window.gradusSearch.map(([title, kind, page, text]) =>
        ({ title, kind, page, text, low: title.toLowerCase(), all: (title + ' ' + text).toLowerCase() }));
      show();
    } });
    document.head.append(script);
  }
  function score(entry, query, words) {
    if (!words.every((word) => entry.all.includes(word))) return 0;
    const last = entry.low.split('::').pop();
    const member = entry.kind.startsWith('member') ? 15 : 0;
    if (entry.low === query || last === query) return 100 - member;
    if (last.startsWith(query)) return 80 - member - Math.min(10, last.length - query.length);
    if (words.every((word) => entry.low.includes(word))) return 60 - member;
    return (words.length > 1 && entry.all.includes(query) ? 40 : 20) - member;
  }
  function snippet(text, words) {
    const at = text.toLowerCase().indexOf(words[0]);
    const from = at > 60 ? text.indexOf(' ', at - 50) + 1 : 0;
    return (from ? '… ' : '') + text.slice(from, from + 140) + (text.length > from + 140 ? ' …' : '');
  }
  function show() {
    const results = document.getElementById('results');
    const query = document.getElementById('search').value.trim().toLowerCase();
    const words = query.split(/\s+/).filter(Boolean);
    results.hidden = words.length === 0;
    if (results.hidden) return;
    const found = index.map((entry) => [score(entry, query, words), entry])
      .filter(([points]) => points > 0).sort((a, b) => b[0] - a[0]).slice(0, 30);
    results.replaceChildren(...found.map(([, entry]) => element('a', { href: entry.page },
      element('b', { textContent: entry.title }), element('i', { textContent: entry.kind }),
      element('span', { textContent: snippet(entry.text, words) }))));
    if (!found.length) results.append(element('p', { textContent: `Nothing found for “${query}”.` }));
    results.scrollTop = 0;
  }
  function move(by) {
    const all = [...document.querySelectorAll('#results a')];
    const at = all.findIndex((one) => one.classList.contains('chosen'));
    all[at]?.classList.remove('chosen');
    const next = all[Math.max(0, Math.min(all.length - 1, at + by))];
    next?.classList.add('chosen');
    next?.scrollIntoView({ block: 'nearest' });
  }
  function startSearch() {
    const field = document.getElementById('search');
    const results = document.getElementById('results');
    field.addEventListener('focus', () => { loadIndex(); show(); });
    field.addEventListener('input', show);
    field.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown') move(1);
      else if (event.key === 'ArrowUp') move(-1);
      else if (event.key === 'Enter') (results.querySelector('.chosen') || results.querySelector('a'))?.click();
      else if (event.key === 'Escape') { results.hidden = true; field.blur(); }
      else return;
      event.preventDefault();
    });
    results.addEventListener('click', () => { results.hidden = true; });
    document.addEventListener('click', (event) => {
      if (!event.target.closest('.search')) results.hidden = true;
    });
    document.addEventListener('keydown', (event) => {
      if (event.key === '/' && !/INPUT|TEXTAREA/.test(document.activeElement.tagName)) {
        event.preventDefault();
        field.focus();
      }
    });
  }

  function start() {
    fillNavigation(document.getElementById('navigation'));
    startSearch();
    document.getElementById('theme').addEventListener('click', switchTheme);
    document.getElementById('menu').addEventListener('click', (event) => {
      const open = document.body.classList.toggle('menu-open');
      event.currentTarget.setAttribute('aria-expanded', open);
    });
  }
  return { start };
})();
