"""The tasks and what goes into them (tasks.py), in the languages of translations.py."""

ROWS: tuple[tuple[str, ...], ...] = (
    ("Picture to Mesh", "Bild zu Netz", "Image vers maillage"),
    ("Self-Test", "Selbsttest", "Autotest"),
    ("Words to Tiling Material", "Worte zu Kachelmaterial", "Mots vers matériau répétable"),
    ("Upscale Texture", "Textur vergrößern", "Agrandir la texture"),
    (
        "Turn a picture of an object into a textured mesh",
        "Aus dem Bild eines Objekts ein texturiertes Netz machen",
        "Changer l'image d'un objet en maillage texturé",
    ),
    (
        "Turn a render into a picture of another kind, led by its passes",
        "Aus einem Rendering ein Bild anderer Art machen, von seinen Passes geführt",
        "Changer un rendu en image d'un autre genre, guidée par ses passes",
    ),
    ("Render", "Rendering", "Rendu"),
    (
        "The render with its passes; a plain picture will do",
        "Das Rendering mit seinen Passes; ein einfaches Bild genügt",
        "Le rendu avec ses passes ; une simple image suffit",
    ),
    (
        "A picture whose colours to take",
        "Ein Bild, dessen Farben übernommen werden",
        "Une image dont prendre les couleurs",
    ),
    ("Render to Sequence", "Rendering zu Sequenz", "Rendu vers séquence"),
    (
        "Turn a range of frames into a sequence of another kind that does not flicker, led by its passes",
        "Aus einer Folge von Bildern eine Sequenz anderer Art machen, die nicht flackert, von ihren Passes geführt",
        "Changer une suite d'images en séquence d'un autre genre, sans scintillement, guidée par ses passes",
    ),
    (
        "One frame with its passes, motion vectors among them",
        "Ein Bild mit seinen Passes, auch den Bewegungsvektoren",
        "Une image avec ses passes, vecteurs de mouvement compris",
    ),
    ("Frame Before", "Bild davor", "Image d'avant"),
    ("What the frame before has left", "Was das Bild davor hinterlassen hat", "Ce que l'image d'avant a laissé"),
    ("Frame Ahead", "Bild danach", "Image d'après"),
    (
        "What a frame ahead has left, to fill up",
        "Was ein späteres Bild hinterlassen hat, zum Auffüllen",
        "Ce qu'une image suivante a laissé, pour compléter",
    ),
    ("Words to Picture", "Worte zu Bild", "Mots vers image"),
    ("Make a picture from words alone", "Ein Bild nur aus Worten machen", "Faire une image à partir de mots seuls"),
    ("A picture whose look to take", "Ein Bild, dessen Aussehen übernommen wird", "Une image dont prendre l'aspect"),
    ("Upscale Picture", "Bild vergrößern", "Agrandir l'image"),
    (
        "Make a picture two or four times larger, with finer detail",
        "Ein Bild zwei- oder viermal größer machen, mit feineren Einzelheiten",
        "Agrandir une image deux ou quatre fois, avec des détails plus fins",
    ),
    (
        "The picture to make larger; its transparency is kept",
        "Das Bild, das größer wird; seine Transparenz bleibt",
        "L'image à agrandir ; sa transparence est gardée",
    ),
    ("Texture Objects", "Objekte texturieren", "Texturer les objets"),
    (
        "Give the selected objects a material with textures, from words",
        "Den gewählten Objekten aus Worten ein Material mit Texturen geben",
        "Donner aux objets sélectionnés un matériau avec textures, d'après des mots",
    ),
    (
        "The objects to texture, with their modifiers",
        "Die Objekte, die texturiert werden, mit ihren Modifikatoren",
        "Les objets à texturer, avec leurs modificateurs",
    ),
    (
        "A picture on the texture's UV map, white where it may change",
        "Ein Bild auf der UV-Karte der Textur, weiß, wo sie sich ändern darf",
        "Une image sur la carte UV de la texture, blanche là où elle peut changer",
    ),
    ("Cameras", "Kameras", "Caméras"),
    (
        "Cameras to draw from; with them, what hides the objects",
        "Kameras, von denen aus gezeichnet wird; mit ihnen, was die Objekte verdeckt",
        "Caméras d'où dessiner ; avec elles, ce qui cache les objets",
    ),
    (
        "Say how much of the selected objects the chosen views see, before anything is drawn",
        "Sagen, wie viel der gewählten Objekte die Ansichten sehen, ehe etwas gezeichnet wird",
        "Dire quelle part des objets sélectionnés les vues voient, avant de rien dessiner",
    ),
    (
        "The objects to look at, with their modifiers",
        "Die Objekte, die betrachtet werden, mit ihren Modifikatoren",
        "Les objets à regarder, avec leurs modificateurs",
    ),
    ("Blend Texture Again", "Textur neu überblenden", "Fusionner la texture à nouveau"),
    (
        "Put the views of a texture together anew, without drawing them again",
        "Die Ansichten einer Textur neu zusammensetzen, ohne sie neu zu zeichnen",
        "Réassembler les vues d'une texture, sans les redessiner",
    ),
    (
        "The objects, as they were when they were textured",
        "Die Objekte, wie sie waren, als sie texturiert wurden",
        "Les objets, tels qu'ils étaient quand ils ont été texturés",
    ),
    (
        "The file views.npz of the texture's result",
        "Die Datei views.npz des Ergebnisses der Textur",
        "Le fichier views.npz du résultat de la texture",
    ),
    (
        "Make a material from words whose maps repeat without a seam, for the selected objects or for later",
        "Aus Worten ein Material machen, dessen Karten sich nahtlos wiederholen, für die gewählten Objekte oder später",
        "Faire d'après des mots un matériau aux cartes sans couture, pour la sélection ou pour plus tard",
    ),
    (
        "Make the maps of a finished texture two or four times larger",
        "Die Karten einer fertigen Textur zwei- oder viermal größer machen",
        "Agrandir deux ou quatre fois les cartes d'une texture terminée",
    ),
    (
        "A finished texture: its material.json, with the maps beside it",
        "Eine fertige Textur: ihre material.json, mit den Karten daneben",
        "Une texture terminée : son material.json, avec les cartes à côté",
    ),
    ("Text to Physics", "Text zu Physik", "Texte vers physique"),
    (
        "Turn a sentence into a scene that moves: things that fall, roll, collide, wave and flow",
        "Aus einem Satz eine Szene machen, die sich bewegt: Dinge fallen, rollen, stoßen, wehen und fließen",
        "Changer une phrase en scène qui bouge : des choses tombent, roulent, se heurtent, flottent et coulent",
    ),
    (
        "A plan that the prompt changes, instead of a new one",
        "Ein Plan, den die Beschreibung ändert, statt eines neuen",
        "Un plan que la description modifie, au lieu d'un nouveau",
    ),
    ("Own Things", "Eigene Dinge", "Choses à soi"),
    (
        "The assets that you marked and what is selected: sentences may name them",
        "Die markierten Assets und was gewählt ist: Sätze dürfen sie nennen",
        "Les assets marqués et la sélection : les phrases peuvent les nommer",
    ),
    ("Text to Scene", "Text zu Szene", "Texte vers scène"),
    (
        "Turn a sentence into a scene of procedural models, arranged as it says",
        "Aus einem Satz eine Szene prozeduraler Modelle machen, angeordnet, wie er sagt",
        "Changer une phrase en scène de modèles procéduraux, disposés comme elle dit",
    ),
    (
        "Send a message (and a picture, if there is one) through the whole chain and back",
        "Eine Nachricht (und ein Bild, wenn es eins gibt) durch die ganze Kette und zurück schicken",
        "Envoyer un message (et une image, s'il y en a une) par toute la chaîne et retour",
    ),
)
